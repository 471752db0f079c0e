"""Best schedules of support, and the front of adoption against public cost."""
