"""Churn, spend and repeat purchase: models fitted, judged and asked."""
