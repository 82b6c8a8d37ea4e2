package jobs

import (
	"reflect"
	"strings"
)

// The specs are a jobs file as it is written. Each key has a kind in its tag, which says what its value can be (kinds.go); jobs.example.yaml must show
// each.

// leaf is a value as it is written.
type leaf struct {
	text string
	at   pos
	// said is false when nothing is written, bad when what is written has been complained about, cell when it comes from a CSV and is no template.
	said, bad, cell bool
}

// has says whether there is a value to use.
func (l leaf) has() bool { return l.said && !l.bad && l.text != "" }

// list is a sequence of values; a single one can stand without brackets.
type list struct {
	items []leaf
	at    pos
	said  bool
}

type fileSpec struct {
	Version   leaf         `yaml:"version" kind:"version"`
	State     leaf         `yaml:"state" kind:"file"`
	Metrics   leaf         `yaml:"metrics_file" kind:"file"`
	Report    list         `yaml:"report" kind:"report"`
	OnSuccess leaf         `yaml:"on_success_cmd" kind:"command"`
	OnFailure leaf         `yaml:"on_failure_cmd" kind:"command"`
	Limits    limitsSpec   `yaml:"limits"`
	Hosts     hostsSpec    `yaml:"hosts"`
	Schedule  scheduleSpec `yaml:"schedule"`
	Defaults  levelSpec    `yaml:"defaults"`
	Jobs      jobsSpec     `yaml:"jobs"`
}

type limitsSpec struct {
	Concurrency leaf `yaml:"concurrency" kind:"count"`
	Memory      leaf `yaml:"memory" kind:"size"`
	Window      leaf `yaml:"window" kind:"size"`
	Bandwidth   leaf `yaml:"bwlimit" kind:"size"`
	budgetSpec
}

type budgetSpec struct {
	Connections       leaf `yaml:"connections" kind:"count or none"`
	UserConnections   leaf `yaml:"user_connections" kind:"count or none"`
	MessagesPerSecond leaf `yaml:"messages_per_second" kind:"rate or none"`
	BytesPerSecond    leaf `yaml:"bytes_per_second" kind:"size or none"`
	UploadPerDay      leaf `yaml:"upload_per_day" kind:"size or none"`
	DownloadPerDay    leaf `yaml:"download_per_day" kind:"size or none"`
	LoginInterval     leaf `yaml:"login_interval" kind:"duration or none"`
}

// hostsSpec is a mapping whose keys are hosts.
type hostsSpec struct {
	entries []hostSpec
}

type hostSpec struct {
	host leaf
	hostValues
}

type hostValues struct {
	Provider leaf `yaml:"provider" kind:"provider"`
	budgetSpec
}

type scheduleSpec struct {
	Interval   leaf `yaml:"interval" kind:"duration"`
	Jitter     leaf `yaml:"jitter" kind:"duration"`
	MaxRuntime leaf `yaml:"max_runtime" kind:"duration"`
	Wait       leaf `yaml:"wait" kind:"duration"`
}

// levelSpec is what the defaults, a job and an account can all say.
type levelSpec struct {
	Source  endpointSpec  `yaml:"source"`
	Sources endpointsSpec `yaml:"sources"`
	Target  endpointSpec  `yaml:"target"`
	Into    leaf          `yaml:"into" kind:"template"`
	optionsSpec
}

type endpointSpec struct {
	URL            leaf `yaml:"url" kind:"address"`
	Path           leaf `yaml:"path" kind:"address"`
	User           leaf `yaml:"user" kind:"template"`
	Login          leaf `yaml:"login" kind:"template"`
	AuthzID        leaf `yaml:"authzid" kind:"template"`
	Auth           leaf `yaml:"auth" kind:"auth"`
	Password       leaf `yaml:"password" kind:"secret"`
	Token          leaf `yaml:"token" kind:"secret"`
	Provider       leaf `yaml:"provider" kind:"provider"`
	AllowCleartext leaf `yaml:"allow_cleartext" kind:"bool"`
	TLSCA          leaf `yaml:"tls_ca" kind:"file"`
	TLSPin         list `yaml:"tls_pin" kind:"pin"`
	TLSInsecure    leaf `yaml:"tls_insecure" kind:"bool"`

	// address is what URL, Path or the short form of the endpoint says.
	address leaf
	at      pos
}

// endpointsSpec is a list of them; said tells an empty one from none.
type endpointsSpec struct {
	items []endpointSpec
	said  bool
}

type optionsSpec struct {
	Map       list      `yaml:"map" kind:"rule"`
	MapFile   leaf      `yaml:"map_file" kind:"path"`
	Include   list      `yaml:"include" kind:"glob"`
	Exclude   list      `yaml:"exclude" kind:"glob"`
	Seen      leaf      `yaml:"seen" kind:"seen"`
	Since     leaf      `yaml:"since" kind:"when"`
	Until     leaf      `yaml:"until" kind:"when"`
	MaxSize   leaf      `yaml:"max_size" kind:"size"`
	Dedupe    leaf      `yaml:"dedupe" kind:"content|off"`
	Labels    leaf      `yaml:"labels" kind:"keywords|copies|primary"`
	Mbox      leaf      `yaml:"mbox_format" kind:"auto|o|rd|cl|cl2"`
	Deleted   leaf      `yaml:"include_deleted" kind:"bool"`
	Headers   leaf      `yaml:"keep_client_headers" kind:"bool"`
	StripOver leaf      `yaml:"strip_attachments_over" kind:"size"`
	Sieve     leaf      `yaml:"sieve" kind:"path"`
	Keep      leaf      `yaml:"keep" kind:"path"`
	Relay     relaySpec `yaml:"relay"`
}

type relaySpec struct {
	URL            leaf `yaml:"url" kind:"address"`
	As             leaf `yaml:"as" kind:"resent|attached"`
	From           leaf `yaml:"from" kind:"template"`
	To             list `yaml:"to" kind:"template"`
	Max            leaf `yaml:"max" kind:"count"`
	Yes            leaf `yaml:"yes" kind:"bool"`
	Auth           leaf `yaml:"auth" kind:"auth"`
	Password       leaf `yaml:"password" kind:"secret"`
	Token          leaf `yaml:"token" kind:"secret"`
	AllowCleartext leaf `yaml:"allow_cleartext" kind:"bool"`
	TLSCA          leaf `yaml:"tls_ca" kind:"file"`
	TLSPin         list `yaml:"tls_pin" kind:"pin"`
	TLSInsecure    leaf `yaml:"tls_insecure" kind:"bool"`

	at pos
}

type jobSpec struct {
	Name     leaf         `yaml:"name" kind:"name"`
	CSV      leaf         `yaml:"csv" kind:"file"`
	Extra    list         `yaml:"extra_columns" kind:"column"`
	Accounts accountsSpec `yaml:"accounts"`
	levelSpec

	at pos
	// broken says that something in it has been complained about, so that what seems to be missing may be there under another name.
	broken bool
}

type accountSpec struct {
	Name leaf `yaml:"name" kind:"name"`
	User leaf `yaml:"user" kind:"name"`
	levelSpec
}

// key is a key of a spec.
type key struct {
	name, kind string
	index      []int
	typ        reflect.Type
}

// keysOf lists the keys of a spec, in the order they are written here.
func keysOf(t reflect.Type) []key {
	var out []key
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("yaml")
		switch {
		case name != "":
			out = append(out, key{name, f.Tag.Get("kind"), []int{i}, f.Type})
		case f.Anonymous:
			for _, k := range keysOf(f.Type) {
				k.index = append([]int{i}, k.index...)
				out = append(out, k)
			}
		}
	}
	return out
}

var (
	leafType = reflect.TypeFor[leaf]()
	listType = reflect.TypeFor[list]()
)

// inherit fills what inner leaves unsaid from outer. Both are addressable values of the same spec.
func inherit(inner, outer reflect.Value) {
	for i := range inner.NumField() {
		f := inner.Type().Field(i)
		switch {
		case f.Type == leafType && f.IsExported():
			if to := inner.Field(i).Addr().Interface().(*leaf); !to.said {
				*to = *outer.Field(i).Addr().Interface().(*leaf)
			}
		case f.Type == listType:
			if to := inner.Field(i).Addr().Interface().(*list); !to.said {
				*to = *outer.Field(i).Addr().Interface().(*list)
			}
		case f.Type.Kind() == reflect.Struct && (f.IsExported() || f.Anonymous):
			inherit(inner.Field(i), outer.Field(i))
		}
	}
}

// inherit fills what an end leaves unsaid from one of a level further out.
func (e *endpointSpec) inherit(outer *endpointSpec) {
	oneSecret(&e.Password, &e.Token)
	if !e.User.said && namesUser(e.address.text) {
		e.User.said = true
	}
	if !e.address.said {
		e.address = outer.address
	}
	inherit(reflect.ValueOf(e).Elem(), reflect.ValueOf(outer).Elem())
}

// oneSecret keeps a token of everybody's from being used besides a password of one's own, and the other way round.
func oneSecret(password, token *leaf) {
	if password.said || token.said {
		password.said, token.said = true, true
	}
}

// namesUser says whether an address has a user in it.
func namesUser(address string) bool {
	_, rest, _ := strings.Cut(address, "://")
	authority, _, _ := strings.Cut(rest, "/")
	return strings.Contains(authority, "@")
}

// inheritEnds fills what a level leaves unsaid of its ends from the one further out. What source says is for each of sources too, so that the two are
// inherited apart.
func (s *levelSpec) inheritEnds(outer *levelSpec) {
	s.Source.inherit(&outer.Source)
	s.Target.inherit(&outer.Target)
	if !s.Sources.said {
		s.Sources = outer.Sources
	}
	if !s.Into.said {
		s.Into = outer.Into
	}
}

// inherit does the same for what is said about messages.
func (o *optionsSpec) inherit(outer *optionsSpec) {
	oneSecret(&o.Relay.Password, &o.Relay.Token)
	inherit(reflect.ValueOf(o).Elem(), reflect.ValueOf(outer).Elem())
}

// sources appends the ends that mail is read from to out, each with what all of them share.
func (s *levelSpec) sources(out []endpointSpec) []endpointSpec {
	if !s.Sources.said {
		return append(out, s.Source)
	}
	for _, e := range s.Sources.items {
		e.inherit(&s.Source)
		out = append(out, e)
	}
	return out
}

// says tells whether anything stands in a spec at all.
func says(spec reflect.Value) bool {
	for i := range spec.NumField() {
		f := spec.Type().Field(i)
		switch {
		case f.Type == leafType && f.IsExported():
			if spec.Field(i).Addr().Interface().(*leaf).said {
				return true
			}
		case f.Type == listType:
			if spec.Field(i).Addr().Interface().(*list).said {
				return true
			}
		case f.Type.Kind() == reflect.Struct && (f.IsExported() || f.Anonymous):
			if says(spec.Field(i)) {
				return true
			}
		}
	}
	return false
}
