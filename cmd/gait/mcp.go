package main

import (
	"github.com/spf13/cobra"
)

func mcpCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:   "mcp",
		Short: "Stand between agents and tools that speak MCP",
		Long:  `Stand between agents and tools that speak the Model Context Protocol (MCP).`,
		Example: `gait mcp proxy --policy policy.cedar --name fs -- npx -y @modelcontextprotocol/server-filesystem /srv/data
gait mcp proxy --id job_1 -- ./server`,
	})
	cmd.AddCommand(mcpProxyCommand(a))
	return cmd
}
