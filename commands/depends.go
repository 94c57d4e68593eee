package commands

import (
	"context"
	"fmt"

	"gait/projection"
)

// depends returns the jobs that a command depends on, as they are, durable or not. It fails
// with ErrJobNotFound if a job is to begin that depends on one that is not there.
func (b *batch) depends(ctx context.Context, r *Request, j projection.Job) ([]projection.Dependency, error) {
	row := r.Command.row()
	var all []projection.Dependency
	for _, id := range row.depends(r.Command, j) {
		d := projection.Dependency{JobID: id}
		s, err := b.engine.load(ctx, id)
		switch {
		case err != nil:
			return nil, fmt.Errorf("reading job %s, which %s depends on: %w", id, r.JobID, err)
		case s != nil:
			d.Status, d.Leaf = s.job.Status, s.job.Ended
		case row.BeginsJob:
			return nil, fmt.Errorf("%w: %s", ErrJobNotFound, id)
		}
		all = append(all, d)
	}
	return all, nil
}
