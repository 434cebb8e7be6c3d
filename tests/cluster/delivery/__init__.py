"""What a broker must do with events, as cases that the cluster's broker and the local stand-in both stand."""
