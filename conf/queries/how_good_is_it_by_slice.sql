-- How good is the model in each slice that errs more or that is asked for, beside the whole window?
-- `findings` is the table of findings, or a view of it.
SELECT run, `column`, part AS slice, metric, window, value, low, high, baseline AS whole_window, num_rows
FROM findings
WHERE area = 'quality' AND `column` <> '' AND metric <> 'slice_error'
ORDER BY run, `column`, part, metric, windows_by, window_start, last_version
