"""What the release workflow asks of the checkout, so that it can be asked, and tested, anywhere."""
