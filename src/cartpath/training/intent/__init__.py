"""Intent: every model on the same rows, fine-tuned or fitted, calibrated, kept, and judged beside the others."""
