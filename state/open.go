package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Options say which account's state to open, and how.
type Options struct {
	// Dir holds the files of all accounts. It is made with mode 0700 when it isn't there.
	Dir string
	// Account is the account's id, any text. It must not change between runs; it holds no secret.
	Account string
	// Timeout is how long to wait for another process to let go; 0 is 200 ms, less than 0 is not at all.
	Timeout time.Duration
	// ReadOnly opens for reading, next to others that only read. The file must be there.
	ReadOnly bool
	// Ahead has Open return as soon as it has the lock: the file is checked while the caller connects to servers, and whatever is asked of the Store
	// waits for that. What Open would have said of the file, every method says then, and Opened.
	Ahead bool
	// Now is the clock for records that tell no time; nil is time.Now.
	Now func() time.Time
}

const (
	defaultTimeout = 200 * time.Millisecond
	lockPoll       = 20 * time.Millisecond
)

// schema is the version of the file that is written. Every version ever released stays readable.
const schema = 1

// Open opens or makes an account's file, checks all of it, and takes its lock until Close.
//
// Errors are a *migrate.Error with a hint, and wrap ErrLocked, ErrDamaged, ErrNewer, or what the file system says (fs.ErrNotExist for
// ReadOnly, fs.ErrPermission, a full disk).
func Open(o Options) (*Store, error) {
	path := Path(o.Dir, o.Account)
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{path: path, account: o.Account, now: o.Now, opened: make(chan struct{})}
	if err := s.lock(o); err != nil {
		if errors.Is(err, ErrLocked) {
			err = whoHolds(o, err)
		}
		return nil, explain("open state", o.Account, path, err)
	}
	load := func() {
		defer close(s.opened)
		if err := s.load(o); err != nil {
			s.unfit = explain("open state", o.Account, path, err)
		}
	}
	if o.Ahead {
		go load()
		return s, nil
	}
	load()
	if s.unfit != nil {
		return nil, s.unfit
	}
	return s, nil
}

func (s *Store) lock(o Options) (err error) {
	if !o.ReadOnly {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return err
		}
	}
	s.file, err = openLocked(s.path, o)
	return err
}

// Opened waits until the file is checked and open, and returns what Open would have said without Ahead.
func (s *Store) Opened() error {
	<-s.opened
	return s.unfit
}

// load checks the locked file and hands it to bbolt. An error lets go of it.
func (s *Store) load(o Options) error {
	err := shielded(func() error {
		db, err := bolt.Open(s.path, 0o600, &bolt.Options{
			Timeout: time.Nanosecond, ReadOnly: o.ReadOnly, FreelistType: bolt.FreelistMapType, NoStatistics: true,
			OpenFile: func(string, int, os.FileMode) (*os.File, error) {
				if err := checkFile(s.file, o.Account); err != nil {
					s.file.Close()
					return nil, err
				}
				if runtime.GOOS == "windows" { // where bbolt can't take a lock that its own handle has
					unlockFile(s.file)
				}
				return s.file, nil
			},
		})
		s.db = db
		return err
	})
	if err == nil {
		err = shielded(func() error { return s.start(o) })
	}
	switch {
	case err != nil && s.db != nil && !errors.Is(err, errPanic):
		s.db.Close()
	case err != nil:
		abandon(s.file)
	}
	if errors.Is(err, berrors.ErrTimeout) {
		return ErrLocked
	}
	return err
}

// abandon lets go of a file without bbolt, whose own Close may wait for ever after a panic. What is mapped stays so, and would keep the
// lock.
func abandon(f *os.File) error {
	unlockFile(f)
	return f.Close()
}

// openLocked opens the file and takes its lock, waiting at most o.Timeout. The file that was locked is the one that lies at path: SetAside
// may have moved another away meanwhile.
func openLocked(path string, o Options) (*os.File, error) {
	flag := os.O_RDWR | os.O_CREATE
	if o.ReadOnly {
		flag = os.O_RDONLY
	}
	for waited := time.Duration(0); ; waited += lockPoll {
		f, err := os.OpenFile(path, flag, 0o600)
		if err != nil {
			return nil, err
		}
		locked, err := lockFile(f, !o.ReadOnly)
		if err == nil && locked && sameFile(f, path) {
			return f, nil
		}
		f.Close()
		switch {
		case err != nil:
			return nil, fmt.Errorf("lock: %w", err)
		case waited >= o.Timeout:
			return nil, ErrLocked
		}
		time.Sleep(lockPoll)
	}
}

func sameFile(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(mine, there)
}

// whoHolds adds to ErrLocked what the status file tells about the run that holds the account.
func whoHolds(o Options, err error) error {
	st, serr := ReadStatus(o.Dir, o.Account)
	if serr != nil || !st.Running() {
		return err
	}
	return fmt.Errorf("%w (process %d, since %s)", err, st.PID, st.Started.Local().Format("2006-01-02 15:04"))
}

// start makes the buckets of a new file and loads the catalog.
func (s *Store) start(o Options) error {
	var isNew bool
	err := s.db.View(func(tx *bolt.Tx) error {
		isNew = tx.Bucket(bucketMeta) == nil
		return nil
	})
	if err != nil {
		return err
	}
	if isNew {
		if o.ReadOnly {
			return fmt.Errorf("nothing in it yet: %w", fs.ErrNotExist)
		}
		if err := s.db.Update(s.create); err != nil {
			return err
		}
	}
	return s.db.View(func(tx *bolt.Tx) error {
		if err := s.readMeta(tx); err != nil {
			return err
		}
		c, err := loadCatalog(tx)
		s.catalog.Store(c)
		return err
	})
}

var (
	metaSchema  = []byte("schema")
	metaAccount = []byte("account")
	metaCreated = []byte("created")
	metaSum     = []byte("sum")
)

func (s *Store) create(tx *bolt.Tx) error {
	for _, name := range [][]byte{bucketMeta, bucketSources, bucketFolders, bucketPlaces, bucketPrints, bucketRecords} {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	meta := tx.Bucket(bucketMeta)
	for _, v := range []struct{ key, value []byte }{
		{metaSchema, big.AppendUint32(nil, schema)},
		{metaAccount, []byte(s.account)},
		{metaCreated, appendTime(nil, s.now())},
		{metaSum, appendSum(nil, 0, tx.ID())},
	} {
		if err := meta.Put(v.key, seal(tagMeta, v.key, v.value, 0)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) readMeta(tx *bolt.Tx) error {
	value, err := unseal(tagMeta, metaCreated, tx.Bucket(bucketMeta).Get(metaCreated))
	if err != nil {
		return err
	}
	d := decoder{b: value}
	s.created = d.time()
	return nil
}

// SetAside renames an account's damaged file to one beside it that ends in ".damaged-" and the time, and returns the new path. It refuses,
// with an error, a file that isn't damaged or that another process holds; of ErrNewer it is no cure.
func SetAside(o Options) (string, error) {
	path := Path(o.Dir, o.Account)
	to, err := setAside(path, o)
	if err != nil {
		return "", explain("set aside state", o.Account, path, err)
	}
	return to, nil
}

func setAside(path string, o Options) (string, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.ReadOnly = false
	if _, err := os.Stat(path); err != nil {
		return "", err
	}
	f, err := openLocked(path, o)
	if err != nil {
		return "", err
	}
	defer f.Close()
	switch err := checkFile(f, o.Account); {
	case err == nil:
		return "", errors.New("nothing is wrong with it")
	case !errors.Is(err, ErrDamaged):
		return "", err
	}
	if runtime.GOOS == "windows" { // which renames no open file
		f.Close()
	}
	stamp := o.Now().UTC().Format("20060102T150405Z")
	for n := 1; n < 1000; n++ {
		to := path + ".damaged-" + stamp
		if n > 1 {
			to = fmt.Sprintf("%s-%d", to, n)
		}
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			return to, os.Rename(path, to)
		}
	}
	return "", errors.New("too many damaged files beside it: " + filepath.Base(path))
}
