-- How many rows were scored in each window, what share failed, how late were they, and what did it cost?
-- `findings` is the table of findings, or a view of it.
SELECT run, window,
       max(value) FILTER (WHERE metric IN ('rows_scored', 'rows_looked_at')) AS num_rows,
       max(value) FILTER (WHERE metric = 'error_share' AND part = '') AS error_share,
       max(value) FILTER (WHERE metric = 'latency_seconds' AND part = 'p95') AS latency_seconds_p95,
       max(value) FILTER (WHERE metric = 'rows_per_second') AS rows_per_second,
       max(value) FILTER (WHERE metric = 'cost_per_million_rows') AS cost_per_million_rows
FROM findings
WHERE area = 'operations'
GROUP BY run, windows_by, window, window_start, last_version
ORDER BY run, window_start DESC NULLS LAST, last_version DESC NULLS LAST
