package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"gait/packspec"
)

func packInspectCommand(a *app) *cobra.Command {
	return exits(&cobra.Command{
		Use:     "inspect FILE",
		Short:   "Show what a pack or a trace says, without checking who says it",
		Example: "gait pack inspect ./gait-out/pack_job_1.zip --json\ngait pack inspect decision.trace.json",
		Args:    oneFile,
		RunE: func(_ *cobra.Command, args []string) error {
			file, size, trace, err := openProof(a, args[0])
			if err != nil {
				return err
			}
			defer file.Close()
			if trace != nil {
				return inspectTrace(a, args[0], trace)
			}
			seen, err := packspec.Inspect(file, size)
			if err != nil {
				return fmt.Errorf("inspecting %s: %w", args[0], err)
			}
			if seen.Range != nil {
				return a.print(object{"path": args[0], "pack": seen.Range}, func(s *screen) { showRange(s, args[0], seen.Range) })
			}
			return a.print(object{"path": args[0], "pack": seen}, func(s *screen) { showPack(s, args[0], seen) })
		},
	}, 0, 1, 2, 6)
}

func showRange(s *screen, path string, p *packspec.RangeInspection) {
	fmt.Fprintf(s, "%s  events %d to %d of %s\n", s.bold(plain(path)), p.From, p.To, p.Evidence.Origin)
	s.fields([2]string{"pack id", p.Manifest.PackID}, [2]string{"key", p.Evidence.Key}, [2]string{"ledger", fmt.Sprintf("%s, root %s", count(p.Evidence.Size, "event"), p.Evidence.Root)})
	header := []any{"job", "status", "revision", "events"}
	asked := slices.ContainsFunc(p.Jobs, func(j packspec.JobInRange) bool { return j.Allows+j.Blocks > 0 })
	if asked {
		header = append(header, "allows", "blocks", "open grants")
	}
	worked := slices.ContainsFunc(p.Jobs, func(j packspec.JobInRange) bool { return j.Leases+j.Attempts > 0 })
	if worked {
		header = append(header, "leases", "attempts")
	}
	rows := make([][]any, len(p.Jobs))
	for i, j := range p.Jobs {
		status := s.dim("begins before the range")
		if j.Status != "" {
			status = s.status(j.Status)
		}
		rows[i] = []any{j.JobID, status, j.Revision, j.Events}
		if asked {
			rows[i] = append(rows[i], j.Allows, j.Blocks, j.OpenGrants)
		}
		if worked {
			rows[i] = append(rows[i], j.Leases, j.Attempts)
		}
	}
	s.table(header, rows)
	fmt.Fprintf(s, "%s\n", s.yellow("nothing here was verified"))
	s.next("gait pack verify " + quoted(path))
}

func showPack(s *screen, path string, p packspec.Inspection) {
	st := p.State
	fmt.Fprintf(s, "%s  job %s  %s\n", s.bold(plain(path)), plain(st.JobID), s.status(st.Status))
	s.fields([2]string{"pack id", p.Manifest.PackID})
	if ev := p.Evidence; ev != nil {
		s.fields([2]string{"origin", ev.Origin}, [2]string{"key", ev.Key},
			[2]string{"ledger", fmt.Sprintf("%s, root %s", count(ev.Size, "event"), ev.Root)},
			[2]string{"events", fmt.Sprintf("%d, %d of them refusals", ev.EventCount, ev.RefusalCount)},
			[2]string{"last event", fmt.Sprintf("%d, at %s", ev.HeadSeq, p.Manifest.CreatedAt)})
	} else {
		s.fields([2]string{"format", p.Format + ", without evidence"}, [2]string{"producer", p.Manifest.ProducerVersion},
			[2]string{"events", fmt.Sprintf("%d, the last at %s", len(p.Events), st.UpdatedAt)})
	}
	rows := make([][]any, len(p.Events))
	for i, e := range p.Events {
		rows[i] = []any{e.Revision, e.CreatedAt, e.Type, e.ReasonCode, e.Actor}
	}
	s.table([]any{"rev", "created", "event", "reason code", "actor"}, rows)
	showDecisions(s, p)
	fmt.Fprintf(s, "%s\n", s.yellow("nothing here was verified"))
	s.next("gait pack verify " + quoted(path))
}
