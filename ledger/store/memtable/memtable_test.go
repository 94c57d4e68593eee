package memtable_test

import (
	"testing"

	"gait/ledger/store"
	"gait/ledger/store/memtable"
	"gait/ledger/store/tabletest"
)

func TestTable(t *testing.T) {
	tabletest.Test(t, func(testing.TB) tabletest.Place {
		table := &memtable.Table{}
		return tabletest.Place{
			Open: func(testing.TB) store.Table {
				table.Reopen()
				return table
			},
			ReadOnly: func(testing.TB) store.Table {
				table.Reopen()
				table.ReadOnly()
				return table
			},
		}
	})
}
