"""What a Slack channel would have shown of AWS's chat service, as a page on this machine, with working buttons."""
