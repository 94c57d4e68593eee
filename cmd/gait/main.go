// Command gait keeps durable jobs for AI agents, with evidence. See README.md.
package main

import "os"

func main() { os.Exit(runProcess(newApp(os.Exit))) }
