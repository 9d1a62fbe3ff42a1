"""The Google Analytics Data and Admin APIs, emulated: answers computed from event tables or recorded reports."""
