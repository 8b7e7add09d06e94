"""Data from Kaggle and from the Hugging Face hub, and submissions to Kaggle. Nothing that scores imports this."""
