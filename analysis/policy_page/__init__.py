"""The policy maker's page: a case's model in a browser, its instruments as schedules, the exit question live."""
