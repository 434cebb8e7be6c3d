"""What a broker owes its subscribers, as cases that Knative's broker and the stand-in of `make up` both pass."""
