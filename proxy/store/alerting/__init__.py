"""What alert rules keep in the cluster: rules, connectors, alerts, and the messages about them that wait to be sent."""
