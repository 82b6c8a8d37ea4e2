package smtp

import (
	"encoding/base64"
	"io"
	"strings"
)

// note is the text that goes with an attached message, in one language.
type note struct {
	tag string
	// subject stands before the original's own; attached, folder and date are the text.
	subject, attached, folder, date string
}

// notes are by ISO 639-1 codes.
var notes = []note{
	{"en", "From your old mailbox", "Attached is a message from your old mailbox, exactly as it was there.", "Folder", "Date"},
	{"cs", "Z vaší staré schránky", "V příloze je zpráva z vaší staré schránky, přesně tak, jak v ní byla.", "Složka", "Datum"},
	{"da", "Fra din gamle postkasse", "Vedhæftet er en besked fra din gamle postkasse, præcis som den var der.", "Mappe", "Dato"},
	{"de", "Aus Ihrem alten Postfach", "Im Anhang ist eine Nachricht aus Ihrem alten Postfach, genau so, wie sie dort war.", "Ordner", "Datum"},
	{"es", "De su buzón anterior", "Se adjunta un mensaje de su buzón anterior, exactamente como estaba allí.", "Carpeta", "Fecha"},
	{"fi", "Vanhasta postilaatikostasi", "Liitteenä on viesti vanhasta postilaatikostasi täsmälleen sellaisena kuin se siellä oli.", "Kansio", "Päivämäärä"},
	{"fr", "De votre ancienne boîte", "Vous trouverez ci-joint un message de votre ancienne boîte, exactement tel qu’il y était.", "Dossier", "Date"},
	{"hu", "A régi postafiókjából", "A mellékletben egy üzenet található a régi postafiókjából, pontosan úgy, ahogy ott volt.", "Mappa", "Dátum"},
	{"it", "Dalla vecchia casella", "In allegato un messaggio della vecchia casella di posta, esattamente com’era.", "Cartella", "Data"},
	{"ja", "以前のメールボックスから", "以前のメールボックスにあったメッセージを、そのままの形で添付しています。", "フォルダー", "日付"},
	{"nb", "Fra den gamle postkassen din", "Vedlagt er en melding fra den gamle postkassen din, nøyaktig slik den var der.", "Mappe", "Dato"},
	{"nl", "Uit uw oude mailbox", "Als bijlage vindt u een bericht uit uw oude mailbox, precies zoals het daar stond.", "Map", "Datum"},
	{"pl", "Z Twojej starej skrzynki", "W załączniku znajduje się wiadomość z Twojej starej skrzynki, dokładnie taka, jaka w niej była.", "Folder", "Data"},
	{"pt", "Da sua caixa de correio anterior", "Em anexo está uma mensagem da sua caixa de correio anterior, exatamente como estava lá.", "Pasta", "Data"},
	{"ru", "Из вашего старого ящика", "Во вложении — письмо из вашего старого почтового ящика, в точности такое, каким оно там было.", "Папка", "Дата"},
	{"sv", "Från din gamla brevlåda", "Bifogat finns ett meddelande från din gamla brevlåda, precis som det var där.", "Mapp", "Datum"},
	{"tr", "Eski posta kutunuzdan", "Ekte, eski posta kutunuzdaki bir ileti, oradaki hâliyle aynen yer almaktadır.", "Klasör", "Tarih"},
	{"uk", "З вашої старої скриньки", "У вкладенні — лист із вашої старої поштової скриньки, точно такий, яким він там був.", "Папка", "Дата"},
	{"zh", "来自您的旧邮箱", "附件是您旧邮箱中的一封邮件，与原件完全相同。", "文件夹", "日期"},
}

// noteIn finds the note for a language tag such as "pt-BR" or "de_AT.UTF-8"; English where there is none.
func noteIn(language string) note {
	code, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(language, "_", "-")), "-")
	if code == "no" || code == "nn" {
		code = "nb"
	}
	for _, n := range notes {
		if n.tag == code {
			return n
		}
	}
	return notes[0]
}

// text is the note's body in its transfer encoding, without a last line end.
func (n note) text(folder, date string) (text, encoding string) {
	line := func(name, value string) string {
		return name + ": " + strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return ' '
			}
			return r
		}, strings.ToValidUTF8(value, "\uFFFD")) + "\r\n"
	}
	text = n.attached + "\r\n\r\n" + line(n.folder, folder)
	if date != "" {
		text += line(n.date, date)
	}
	if ascii(text) && len(folder) < maxText998/2 {
		return text, "7bit"
	}
	var b strings.Builder
	enc := base64.NewEncoder(base64.StdEncoding, &wrapper{w: &b})
	io.WriteString(enc, text) // into memory
	enc.Close()
	return b.String(), "base64"
}
