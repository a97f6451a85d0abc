"""Tests of the contract, the commands, the migrations and the documents."""
