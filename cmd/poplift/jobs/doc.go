// Package jobs reads the jobs file: whose mail goes from where to where, for one account or for a hundred thousand. It is for the commands that run
// over many accounts (check, plan, run, verify, watch) and for init, which writes a first one. It speaks no protocol and starts nothing; it turns
// text into [Account] values that main turns into copies. jobs.example.yaml at the top of the repository explains the file to admins.
//
// # How a file is read
//
//	YAML ─ decode ─▶ specs: what is written, with line and column        (decode.go, spec.go)
//	CSV  ─ rows ───▶ the same specs, a row at a time                     (csv.go)
//	specs of defaults, job, account ─ merge, expand ─▶ Account           (resolve.go, endpoint.go, template.go)
//
// A value of an account counts before one of its job, and that before one of the defaults. Values keep the words of poplift copy's flags.
//
// # Policy
//
//   - All mistakes of the file and of its CSVs are told in one pass, each with line and column, as [Mistake] values joined by [errors.Join]; with
//     one mistake there is no [File]. What only looks odd is a warning.
//   - Unknown keys are mistakes, with the key that was most likely meant.
//   - Messages never quote a secret. Secrets are references ([Secret]) that main resolves when it needs them; one that stands in a file itself
//     needs that file to be readable by its owner only.
//   - A CSV is data, and may come from others: its cells are no templates and can't name commands. A command gets what it may need of its
//     account as variables ([Account.Environ]), never as words of the shell's own text.
//   - A relative path is relative to the file it is written in, and stays below that file's folder.
//   - Everything read is bounded: sizes, rows, mistakes, and what aliases may unfold to.
package jobs
