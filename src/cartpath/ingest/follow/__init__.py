"""Sources that grow: folders and streams are read as they come, each event once, whatever ends the process."""
