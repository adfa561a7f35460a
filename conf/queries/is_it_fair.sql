-- How does the model treat groups: their rates, and the gaps between them?
-- `findings` is the table of findings, or a view of it.
SELECT run, window, `column`, part AS group_value, metric, value, low, high, `limit`, num_rows, status, detail
FROM findings
WHERE area = 'fairness'
ORDER BY run, window_start DESC NULLS LAST, last_version DESC NULLS LAST, `column`, metric, part
