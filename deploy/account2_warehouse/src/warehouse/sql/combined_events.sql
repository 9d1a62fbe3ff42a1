-- events: each row with the property's total of its day, for shares.
INSERT INTO ga4_combined.events (
  property_id, date, dimension_hash, event_name, event_count, total_users, active_users, key_events, total_revenue,
  day_event_count
)
SELECT
  stored.property_id, stored.date, stored.dimension_hash, stored.event_name, stored.event_count, stored.total_users,
  stored.active_users, stored.key_events, stored.total_revenue, day.event_count
FROM ga4_raw.events AS stored
JOIN changed_days AS changed
  ON changed.property_id = stored.property_id AND changed.date = stored.date
LEFT JOIN ga4_raw.daily_totals AS day
  ON day.property_id = stored.property_id AND day.date = stored.date
