package projection

import "gait/ledger"

// ErrJobNotFound says that a log has no job with an id.
var ErrJobNotFound = ledger.NewError("no such job", ledger.Fault{Code: "job_not_found", Category: ledger.CategoryInvalid})
