-- What are the model's metrics in each window, with intervals, beside those of the test split it was made with?
-- `findings` is the table of findings, or a view of it.
SELECT run, metric, part, window, value, low, high, baseline, `limit`, num_rows, status
FROM findings
WHERE area = 'quality' AND `column` = '' AND metric NOT IN (
  'reliability', 'quantile_share', 'slice_error', 'slices_searched', 'label_coverage', 'disputed_labels',
  'labels_unknown_to_model', 'predictions_of_other_shape', 'labels_before_scoring', 'labels_of_unknown_keys',
  'labels_without_key', 'unreadable_labels', 'later_labels')
ORDER BY run, metric, part, windows_by, window_start, last_version
