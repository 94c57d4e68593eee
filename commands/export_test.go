package commands

// Attempts is how often the engine tries.
const Attempts = attempts

// Waiting returns how many requests wait in the engine's queue.
func Waiting(e *Engine) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.waiting)
}
