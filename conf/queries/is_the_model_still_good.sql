-- What are the model's metrics in each window, with intervals, beside those of the test split it was made with?
-- `findings` is the table of findings, or a view of it.
SELECT run, metric, part, window, value, low, high, baseline, `limit`, num_rows, status
FROM findings
WHERE area = 'quality' AND status IN ('ok', 'warning', 'alert', 'unsure') AND metric NOT IN ('reliability', 'slice_error')
ORDER BY run, metric, part, windows_by, window_start, last_version
