"""Archives: all records of an account in one ZIP file, which its owner can keep, read, and import again."""
