-- In which slices of the rows does the model err significantly more than elsewhere?
-- `findings` is the table of findings, or a view of it.
SELECT run, window, part AS slice, value AS mean_error, baseline AS elsewhere, num_rows, adjusted_p_value, status, detail
FROM findings
WHERE area = 'quality' AND metric = 'slice_error'
ORDER BY run, window_start DESC NULLS LAST, last_version DESC NULLS LAST, value DESC
