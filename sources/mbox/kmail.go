package mbox

import (
	"log/slog"
	"slices"

	"poplift/migrate"
	"poplift/sources/filestore/kmail"
)

// readKMail reads the index that KMail 1 keeps beside an mbox. One that can't be read costs flags.
func (f *file) readKMail(log *slog.Logger) {
	if f.unpack != nil || f.loose {
		return
	}
	var err error
	if f.kmail, err = kmail.Open(f.path); err != nil {
		log.Warn("mbox: not all flags of KMail are known", "file", f.path, "error", err)
	}
}

// indexed replaces what the header says of a message by what KMail's index does: KMail brings the header up to date when it compacts the folder,
// and the index at once. Offset and size must both fit, else the index is of another state of the file.
func (f *file) indexed(r *record, e *migrate.Entry) {
	if f.kmail == nil {
		return
	}
	m, ok := f.kmail.ByOffset[r.start]
	if lack := r.end - r.start - m.Size; !ok || m.Size != 0 && (lack < -2 || lack > 2) {
		return
	}
	e.Flags, e.Deleted = m.Status.Flags(), m.Status.Deleted()
	for _, k := range r.keywords {
		if k := migrate.Flag(k); !slices.Contains(e.Flags, k) {
			e.Flags = append(e.Flags, k)
		}
	}
	if m.Status.Queued() {
		e.Role = migrate.RoleOutbox
	}
}
