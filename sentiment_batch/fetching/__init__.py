"""Fetch data from Kaggle and the Hugging Face Hub, and submit to Kaggle. Scoring never imports this package."""
