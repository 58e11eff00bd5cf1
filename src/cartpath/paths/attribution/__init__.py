"""Attribution of conversions and revenue to channels or events."""
