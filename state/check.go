package state

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"os"
)

// checkFile reads a locked file through before bbolt maps it. A file in which nothing was ever written is whole.
func checkFile(f *os.File, account string) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		return nil
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", f.Name())
	}
	pages, buckets, err := openPages(f, info.Size())
	if err != nil {
		return err
	}
	byName := map[string]fileBucket{}
	for _, b := range buckets {
		byName[b.name] = b
	}
	if len(buckets) == 0 {
		return pages.complete()
	}
	// The meta bucket first: a newer schema's other buckets are none of our business.
	sum, err := checkMeta(pages, byName, account)
	if err != nil {
		return err
	}
	c := checker{pages: pages, buckets: byName, seed: maphash.MakeSeed()}
	if err := c.check(sum); err != nil {
		return err
	}
	return pages.complete()
}

// checkMeta returns the sum over all rows.
func checkMeta(pages *pageFile, buckets map[string]fileBucket, account string) (sum uint64, err error) {
	meta := map[string][]byte{}
	b, ok := buckets[string(bucketMeta)]
	if !ok {
		return 0, damagef("it has no %q bucket", bucketMeta)
	}
	err = pages.walkBucket(b, func(_ uint32, k, v []byte) error {
		value, err := unseal(tagMeta, k, v)
		meta[string(k)] = append([]byte(nil), value...)
		return err
	})
	if err != nil {
		return 0, err
	}
	version := meta[string(metaSchema)]
	if len(version) != 4 || big.Uint32(version) == 0 {
		return 0, damagef("it tells no schema version")
	}
	if v := big.Uint32(version); v > schema {
		return 0, fmt.Errorf("%w: schema %d, this one reads up to %d", ErrNewer, v, schema)
	}
	if of := string(meta[string(metaAccount)]); of != account {
		return 0, fmt.Errorf("it is the state of another account, %q", of)
	}
	sum, tx, err := readSum(meta[string(metaSum)])
	if err == nil && tx != pages.tx {
		err = damagef("all of it is older than it should be")
	}
	return sum, err
}

// checker adds up what a file holds.
type checker struct {
	pages   *pageFile
	buckets map[string]fileBucket
	sum     uint64 // over all rows
	// The sum over all places of the prints they should have must be that over all prints there are: they lead to each other.
	seed           maphash.Seed
	places, prints uint64
	key            []byte
}

func (c *checker) check(sum uint64) error {
	nothing := func([]byte, []byte) error { return nil } // the catalog is read whole in any case
	err := cmp.Or(
		c.rows(bucketSources, tagSource, nothing),
		c.rows(bucketFolders, tagFolder, nothing),
		c.rows(bucketRecords, tagRecord, func(_, value []byte) error {
			return new(row).skim(value)
		}),
		c.rows(bucketPlaces, tagPlace, c.place),
		c.walk(bucketPrints, func(key, _ []byte) error {
			c.prints += maphash.Bytes(c.seed, key)
			return nil
		}),
	)
	switch {
	case err != nil:
		return err
	case c.sum != sum:
		return damagef("some of it is older than the rest")
	case c.places != c.prints:
		return damagef("its index leads elsewhere")
	}
	return nil
}

func (c *checker) place(key, value []byte) error {
	o, err := readOccupant(value)
	if err != nil {
		return err
	}
	if len(key) < generationSize {
		return damagef("place %x", key)
	}
	p, ok := placeOf(big.Uint32(key), key[generationSize:])
	if !ok {
		return damagef("place %x", key)
	}
	c.key = printKey(c.key[:0], p, o.envelope)
	c.places += maphash.Bytes(c.seed, c.key)
	return nil
}

// rows walks a bucket of sealed values.
func (c *checker) rows(bucket []byte, tag byte, check func(key, value []byte) error) error {
	return c.walk(bucket, func(key, stored []byte) error {
		c.sum += rowSum(stored)
		value, err := unseal(tag, key, stored)
		if err != nil {
			return err
		}
		return check(key, value)
	})
}

func (c *checker) walk(bucket []byte, check func(key, value []byte) error) error {
	b, ok := c.buckets[string(bucket)]
	if !ok {
		return damagef("it has no %q bucket", bucket)
	}
	return c.pages.walkBucket(b, func(flags uint32, key, value []byte) error {
		if flags != 0 {
			return damagef("bucket %q holds another", bucket)
		}
		return check(key, value)
	})
}
