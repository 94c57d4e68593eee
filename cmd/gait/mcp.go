package main

import (
	"github.com/spf13/cobra"
)

func mcpCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:   "mcp",
		Short: "Offer a ledger to agents over MCP, or stand before an MCP server",
		Long: `Offer a ledger to agents that speak the Model Context Protocol (MCP), or stand between them and
the tools of a server that speaks it.`,
		Example: `gait mcp serve --policy policy.cedar --actor agent_1
gait mcp proxy --policy policy.cedar --name fs -- npx -y @modelcontextprotocol/server-filesystem /srv/data
gait mcp proxy --id job_1 -- ./server`,
	})
	cmd.AddCommand(mcpServeCommand(a), mcpProxyCommand(a))
	return cmd
}
