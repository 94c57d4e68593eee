package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/packspec"
	"gait/projection"
)

func versionCommand(a *app) *cobra.Command {
	cmd := exits(&cobra.Command{
		Use:     "version",
		Short:   "Print the versions of gait, Go and the formats",
		Example: "gait version --json",
		Args:    noArgs,
	}, 0, 1, 6)
	cmd.RunE = func(*cobra.Command, []string) error {
		formats := object{"event": ledger.EventSchemaVersion, "ledger": ledger.Format, "output": outputVersion, "pack": packspec.ProducerVersion, "projection": projection.Version}
		return a.print(object{"module": "gait", "version": moduleVersion(), "go": runtime.Version(), "formats": formats}, func(s *screen) {
			fmt.Fprintf(s, "gait %s\n", moduleVersion())
			s.fields([2]string{"go", runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH}, [2]string{"event format", ledger.EventSchemaVersion},
				[2]string{"ledger format", fmt.Sprint(ledger.Format)}, [2]string{"pack format", packspec.ProducerVersion}, [2]string{"output", outputVersion})
		})
	}
	return cmd
}
