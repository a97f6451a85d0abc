"""What only one kind of record promises, through every door."""
