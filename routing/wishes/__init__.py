"""What do callers want of providers and models, and what does each wish rule out?"""
