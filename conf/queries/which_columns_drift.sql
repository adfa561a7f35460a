-- Which columns of the latest look drifted, and by which figures? The furthest over their limits come first.
-- `findings` is the table of findings, or a view of it.
SELECT run, window, `column`, part, metric, value, `limit`, value / nullif(`limit`, 0) AS times_the_limit,
       adjusted_p_value, num_rows, status, detail
FROM findings
JOIN (SELECT run, max(looked_at) AS looked_at FROM findings GROUP BY run) USING (run, looked_at)
WHERE area = 'drift' AND status IN ('alert', 'warning')
ORDER BY run, window, times_the_limit DESC NULLS LAST
