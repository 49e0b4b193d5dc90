"""The refresh protocol as a game: workers, a Buffer in memory, and the rules that must hold."""
