"""What is answered when the same request comes again under an Idempotency-Key?"""
