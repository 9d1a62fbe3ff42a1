-- One row a day, with the week that ends on it and the same day a week before.
INSERT INTO ga4_combined.daily_totals (
  property_id, date, dimension_hash, sessions, engaged_sessions, total_users, active_users, new_users,
  screen_page_views, event_count, key_events, user_engagement_duration, total_revenue, sessions_7d, days_7d,
  sessions_week_before
)
SELECT
  stored.property_id, stored.date, stored.dimension_hash, stored.sessions, stored.engaged_sessions,
  stored.total_users, stored.active_users, stored.new_users, stored.screen_page_views, stored.event_count,
  stored.key_events, stored.user_engagement_duration, stored.total_revenue, week.sessions_7d, week.days_7d,
  week_before.sessions
FROM ga4_raw.daily_totals AS stored
JOIN changed_days AS changed
  ON changed.property_id = stored.property_id AND changed.date = stored.date
JOIN (
  SELECT ending.property_id, ending.date, SUM(earlier.sessions) AS sessions_7d, COUNT(earlier.sessions) AS days_7d
  FROM changed_days AS ending
  JOIN ga4_raw.daily_totals AS earlier
    ON earlier.property_id = ending.property_id AND earlier.date BETWEEN ending.date - 6 AND ending.date
  GROUP BY ending.property_id, ending.date
) AS week
  ON week.property_id = stored.property_id AND week.date = stored.date
LEFT JOIN ga4_raw.daily_totals AS week_before
  ON week_before.property_id = stored.property_id AND week_before.date = stored.date - 7
