"""Amazon AppFlow with its Google Analytics 4 connector and its Redshift destination, and nothing else of it."""
