package route

import "poplift/migrate"

// language has the names of the special folders in one language of mail programs and webmails. Names of one cell are parted by "|", in NFC.
type language struct {
	code, name                         string
	sent, drafts, trash, junk, archive string
}

// cells are the names by what they are for.
func (l language) cells() map[migrate.Role]string {
	return map[migrate.Role]string{migrate.RoleSent: l.sent, migrate.RoleDrafts: l.drafts, migrate.RoleTrash: l.trash, migrate.RoleJunk: l.junk,
		migrate.RoleArchive: l.archive}
}

// english are the names that programs and providers give in English: Nextcloud Mail lib/IMAP/FolderMapper.php, mailferry planner.go, imapsync
// build_possible_special, and what Exchange, Gmail (en-GB), Yahoo, AOL, iCloud and Thunderbird create. Programs use them under every language.
var english = language{"en", "English", "Sent|Sent Items|Sent Messages|Sent Mail|Sent-Mail|SentMail", "Drafts|Draft",
	"Trash|Deleted Items|Deleted Messages|Bin", "Junk|Spam|Junk E-mail|Junk Email|Junk Mail|Bulk Mail", "Archive|Archives"}

// languages were merged from Roundcube (program/localization, and plugins/archive for the last column), K-9 Mail and Thunderbird for Android
// (legacy/ui/folder/src/main/res), WildDuck (lib/translations.js) and Got Your Back (labellang.py), with the names that Exchange, Outlook, T-Online
// and 1&1 create. Some archives are verbs there ("Archivar"): they are what the program shows all the same.
var languages = []language{
	{"fr", "French", "Envoyés|Messages envoyés|Éléments envoyés|Objets envoyés", "Brouillons",
		"Corbeille|Éléments supprimés", "Pourriels|Pourriel|Courrier indésirable", "Archives"},
	{"de", "German", "Gesendet|Gesendete Elemente|Gesendete Objekte", "Entwürfe",
		"Gelöscht|Papierkorb|Gelöschte Elemente", "Spam|Junk-E-Mail", "Archiv"},
	{"es", "Spanish", "Enviados|Elementos enviados", "Borradores",
		"Papelera|Elementos eliminados", "SPAM|No deseado|Basura|Correo no deseado", "Archivo|Archivar"},
	{"it", "Italian", "Inviata|Posta inviata", "Bozze", "Cestino|Posta eliminata", "Spam|Posta indesiderata", "Archivio"},
	{"pt", "Portuguese", "Enviados|Enviadas|E-mails enviados|Correio enviado|Itens Enviados", "Rascunhos",
		"Lixeira|Reciclagem|Lixo|Caixote do lixo|Itens Excluídos", "Spam|Lixo Eletrônico", "Arquivo"},
	{"nl", "Dutch", "Verzonden|Verzonden berichten", "Concepten", "Prullenbak", "Spam", "Archief"},
	{"pl", "Polish", "Wysłane|Elementy wysłane", "Kopie robocze|Wersje robocze|Szkice",
		"Kosz", "Spam|Potwierdzony spam|Wiadomości-śmieci", "Archiwum"},
	{"ru", "Russian", "Отправленные", "Черновики", "Корзина|Удаленные", "СПАМ", "Архив"},
	{"uk", "Ukrainian", "Надіслані", "Чернетки", "Кошик|Смітник", "Спам", "Архів"},
	{"cs", "Czech", "Odeslané|Odeslaná pošta", "Rozepsané|Koncepty", "Koš", "Spam", "Archiv"},
	{"sk", "Slovak", "Odoslané|Odoslaná", "Koncepty|Rozpísané správy", "Kôš", "Nevyžiadaná pošta", "Archivovať"},
	{"hu", "Hungarian", "Küldöttek|Elküldöttek", "Piszkozatok", "Kuka", "Kéretlen", "Archiválás"},
	{"ro", "Romanian", "Trimise|Mesaje trimise", "Ciorne|Mesaje nefinalizate", "Gunoi|Coș de gunoi", "Spam", "Arhivă"},
	{"bg", "Bulgarian", "Изпратени", "Чернови", "Кошче", "Спам", "Архивирай"},
	{"sr", "Serbian", "Послате|Послато", "Нацрти|Недовршено|Недовршене", "Смеће|Отпад", "Отпад|Непожељне", "Архива"},
	{"hr", "Croatian", "Poslano|Poslana pošta", "Predlošci|Skice", "Smeće|Otpad", "Spam|Neželjena pošta", "Arhiva"},
	{"sl", "Slovenian", "Poslano", "Osnutki", "Smeti|Koš|Smetnjak", "Neželena sporočila|Vsiljena pošta", "Arhiv"},
	{"el", "Greek", "Απεσταλμένα", "Πρόχειρα|Προσχέδια", "Κάδος Απορριμάτων|Απορρίμματα|Κάδος απορριμμάτων", "Ανεπιθύμητα", "Αρχειοθέτηση"},
	{"tr", "Turkish", "Gönderilmiş|Giden|Gönderilmiş postalar", "Taslak|Taslaklar", "Çöp|Çöp Kutusu", "İstenmeyen", "Arşiv"},
	{"sv", "Swedish", "Skickat", "Utkast", "Papperskorg|Papperskorgen", "Skräp|Skräppost", "Arkiv"},
	{"da", "Danish", "Sendt post|Sendt|Sendte mails", "Kladder", "Papirkurv", "Spam", "Arkiv"},
	{"nb", "Norwegian", "Sendt|Sendt e-post", "Kladd|Utkast|Kladdar",
		"Slettet|Sletta|Søppel|Papirkorg|Papirkurv", "Spam|Søppel|Søppelpost", "Arkiv|Arkiver"},
	{"fi", "Finnish", "Lähetetyt|Lähetetyt viestit", "Luonnokset", "Roskakori", "Roskaposti", "Arkisto"},
	{"is", "Icelandic", "Sent|Sendur póstur", "Drög", "Rusl", "Ruslpóstur", "Geymsla"},
	{"et", "Estonian", "Saadetud|Saadetud kirjad", "Mustandid", "Prügikast", "Rämps|Rämpspost", "Arhiiv"},
	{"lv", "Latvian", "Nosūtītās|Nosūtīts|Nosūtne", "Uzmetumi|Melnraksti", "Papīrgrozs|Papīrkurvis|Miskaste", "Mēstules", "Arhīvs"},
	{"lt", "Lithuanian", "Išsiųsti laiškai|Išsiųsti", "Juodraščiai", "Šiukšlinė|Šiukšliadėžė", "Brukalas|Šlamštas", "Archyvuoti"},
	{"ca", "Catalan", "Enviats|Enviat|Elements enviats", "Esborranys", "Paperera|Elements suprimits", "Correu brossa", "Arxiu"},
	{"gl", "Galician", "Enviadas|Enviados|Correo enviado", "Borradores", "Papeleira|Lixo|Caixa da papeleira", "Lixo|Correo lixo", "Arquivo"},
	{"eu", "Basque", "Bidalitakoak|Bidalitako mezuak", "Zirriborroak", "Zakarrontzia|Zaborrontzia", "Zabor-posta|Spama", "Artxibatu"},
	{"cy", "Welsh", "Danfonwyd|Anfonwyd|Negeseuon a anfonwyd", "Drafftiau|Drafft", "Sbwriel|Bin sbwriel", "Sothach|E-bost sothach", "Archif"},
	{"ja", "Japanese", "送信済み|送信済みトレイ|送信済みメール|送信済みアイテム", "下書き", "ごみ箱|ゴミ箱", "迷惑メール", "アーカイブ"},
	{"zh-CN", "Chinese (simplified)", "已发送邮件|寄件備份|已发邮件|已发送", "草稿箱|草稿|草稿匣", "已删除邮件|垃圾桶", "垃圾邮件|垃圾郵件", "存档"},
	{"zh-TW", "Chinese (traditional)", "寄件備份", "草稿匣|草稿", "垃圾桶", "垃圾郵件", "封存"},
	{"ko", "Korean", "보낸 편지함|보냄|보낸편지함", "임시 보관함|임시보관함", "지운 편지함|휴지통", "스팸 편지함|스팸함", "저장 편지함"},
	{"ar", "Arabic", "البريد المرسل|المرسل|المُرسَل|بريد مرسل", "المسودات|مسودّات",
		"المهملات|المهـملات", "الرسائل غير المرغوب فيها|غير المرغوب", "أرشفة|الأرشيف"},
	{"he", "Hebrew", "נשלח|נשלחו|דואר יוצא", "טיוטות", "אשפה", "זבל|ספאם", "ארכיון"},
	{"fa", "Persian", "ارسال شده|ارسالی|نامه\u200cهای فرستاده شده", "پیش\u200cنویس\u200cها", "زباله\u200cدان|حذف\u200cشده\u200cها", "بنجل|هرزنامه", "بایگانی"},
	{"th", "Thai", "กล่องขาออก|จดหมายที่ส่งแล้ว", "กล่องจดหมายร่าง|ร่างจดหมาย", "ถังขยะ", "กล่องจดหมายขยะ|จดหมายขยะ", ""},
	{"vi", "Vietnamese", "Đã gửi|Thư đã gửi", "Thư nháp", "Thùng rác", "Thư rác", "Lưu trữ"},
	{"id", "Indonesian", "Terkirim|Surat terkirim", "Konsep|Draf", "Surat Terhapus|Tong Sampah", "Sampah", "Arsip"},
	{"hi", "Hindi", "भेजा गया|भेजे गए|भेजी गई मेल", "ड्राफ़ट|ड्राफ्ट|अधूरा ईमेल", "रद्दी|कचरा|कूड़ेदान", "स्पैम|अनचाहा", ""},
}

// unsure are the names that are never taken for anything. The first five are the only ones of those lists with two roles, in one language or in
// two close ones: Galician and Portuguese, Indonesian and Malay, two kinds of Norwegian, Serbian, Uyghur. The others mean what goes out: sent mail
// in some programs, in others what waits to be sent, and that must never look like sent mail.
var unsure = []string{"Lixo", "Sampah", "Søppel", "Отпад", "ئەخلەت", "กล่องขาออก", "דואר יוצא", "Giden"}
