package migrate

import "testing"

func TestRecordKnowsWhatAPersonKnowsItBy(t *testing.T) {
	p := NewPool(1<<20, t.TempDir())
	sp, _, _ := spoolOf(t, p, "Received: x\r\nSUBJECT: one\r\n =?utf-8?q?_tw=C3=B6?=\r\nSubject: other\r\nmessage-id :\r\n <a@b>\r\n\r\nSubject: body\r\nMessage-ID: <c@d>\r\n", 7)
	defer sp.Release()
	var r Record
	if r.know(sp); r.MessageID != "<a@b>" || r.Subject != "one =?utf-8?q?_tw=C3=B6?=" {
		t.Errorf("%q %q", r.MessageID, r.Subject)
	}
	empty, _, _ := spoolOf(t, p, "\r\nSubject: body\r\n", 100)
	defer empty.Release()
	r = Record{}
	r.know(nil)
	if r.know(empty); r.MessageID+r.Subject != "" {
		t.Error(r.Subject)
	}
}
