from sentiment_batch.cli import main

main()
