-- How did each drift figure of each column go, window by window?
-- `findings` is the table of findings, or a view of it.
SELECT run, `column`, metric, part, window, value, `limit`, adjusted_p_value, num_rows, status
FROM findings
WHERE area = 'drift' AND `column` <> ''
ORDER BY run, `column`, metric, part, windows_by, window_start, last_version
