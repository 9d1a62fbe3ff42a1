"""EventBridge Scheduler, and what every emulated service that works by the clock needs: expressions, a ticker."""
