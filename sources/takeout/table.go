package takeout

import "strings"

// words are Gmail's own labels in the languages of its interface, folded: the labels of an export are in the language that the account had on
// that day. No word here means two things, and none is a word that people are likely to use for a label of another kind in the same language.
//
// The words for what lies in a folder or has a star are known in some seventy languages; those for opened, unread and archived only in a few.
// A word that isn't here is taken for a label of the user's, which is a folder too many and no message too few.
var words = func() map[string]meaning {
	out := map[string]meaning{}
	for m, list := range vocabulary {
		for _, w := range strings.Split(list, "|") {
			out[fold(strings.TrimSpace(w))] = m
		}
	}
	return out
}()

// categoryWords begin the labels of Gmail's tabs.
var categoryWords = []string{"category", "smartlabel", "kategorie", "catégorie", "categoría", "categoria", "categorie", "kategoria", "kategori", "kategória",
	"kategorija", "категория", "категорія", "κατηγορία", "カテゴリ", "类别", "類別", "카테고리", "luokka", "kategooria"}

// categoryNames are the tabs in English.
var categoryNames = []string{"personal", "social", "promotions", "updates", "forums", "primary", "purchases", "travel", "finance", "reservations",
	"notifications", "bills", "receipts"}

var vocabulary = map[meaning]string{
	isInbox: `inbox|inkassie|gələnlər|kotak masuk|peti masuk|safata d'entrada|doručená pošta|blwch derbyn|indbakke|posteingang|postkast|recibidos|
		bandeja de entrada|sarrera-ontzia|boîte de réception|bosca isteach|caixa de entrada|pristigla pošta|posta in arrivo|ibhokisi lokungenayo|pósthólf|
		kikasha|iesūtne|gautieji|beérkező levelek|innboks|postvak in|odebrane|mesaje primite|doručené|prejeto|postilaatikko|saapuneet|inkorgen|hộp thư đến|
		gelen kutusu|εισερχόμενα|вх. поща|ирсэн имэйл|входящие|примљене|вхідні|մուտքի արկղ|דואר נכנס|موصول شدہ پیغامات|البريد الوارد|صندوق ورودی|इनबक्स|
		इनबॉक्स|ইনবক্স|ઇનબોકસ|இன்பாக்ஸ்|ఇన్బాక్స్|ಇನ್ಬಾಕ್ಸ್|ഇൻബോക്സ്|එන ලිපි|กล่องจดหมาย|ອິນບັອກ|ဝင်စာ|შემოსულები|የገቢ መልዕክት ሳጥን|ᎧᏁᏌᎢᏱ|ប្រអប់ទទួល|
		收件箱|收件匣|受信トレイ|받은편지함`,
	isSent: `sent|sent mail|sent items|gestuurde e-pos|göndərilənlər|surat terkirim|terkirim|mel dihantar|enviats|odeslaná pošta|odeslané|negeseuon a anfonwyd|
		sendte mails|sendt|gesendet|saadetud kirjad|saadetud|enviados|enviado|bidalitako mezuak|naipadalang sulat|messages envoyés|envoyés|envoyé|seolta|
		correo enviado|poslana pošta|posta inviata|inviati|inviata|imeyili ethunyelwe|sendur póstur|barua zilizotumwa|nosūtne|išsiųsti laiškai|išsiųsti|
		elküldött levelek|elküldött|sendt e-post|verzonden berichten|verzonden|wysłane|e-mails enviados|correio enviado|mesaje trimise|trimise|odoslané|poslano|
		lähetetyt viestit|lähetetyt|skickat|thư đã gửi|đã gửi|gönderilmiş postalar|gönderilenler|gönderilmiş|απεσταλμένα|изпратени|илгээсэн имэйл|отправленные|
		послате|надіслані|ուղարկված|דואר יוצא|נשלח|بھیجے گئے پیغامات|بريد مرسل|المرسل|نامههای فرستاده شده|ارسال شده|पठाइएको मेल|पाठवलेले मेल|भेजी गई मेल|
		भेजे गए|প্রেরিত মেল|મોકલેલા મેઇલ|அனுப்பிய அஞ்சல்|పంపిన సందేశాలు|ಕಳುಹಿಸಿದ ಮೇಲ್|അയച്ച മെയിൽ|යැවූ ලිපි|จดหมายที่ส่งแล้ว|ຈົດໝາຍທີ່ສົ່ງແລ້ວ|ထွက်စာ|
		გაგზავნილები|የተላከ ኢሜይል|ᏫᎦᏅᏅᎯ ᎪᏪᎸ|អ៊ីមែលបានផ្ញើ|寄件備份|已发邮件|已发送邮件|已发送|送信済みメール|送信済み|보낸편지함`,
	isDrafts: `drafts|draft|konsepte|qaralamalar|draf|esborranys|koncepty|drafft|kladder|entwürfe|mustandid|borradores|zirriborroak|mga draft|brouillons|dréachtaí|
		skice|bozze|okungaphelele|drög|rasimu|melnraksti|juodraščiai|piszkozatok|utkast|concepten|wersje robocze|rascunhos|mesaje nefinalizate|ciorne|
		rozpísané správy|osnutki|luonnokset|thư nháp|taslaklar|πρόχειρα|чернови|нооргууд|черновики|недовршене|чернетки|սեւագրեր|טיוטות|مسودہ س|مسودّات|مسودات|
		المسودات|پیشنویسها|ड्राफ्ट|मसुदे|अधूरा ईमेल|ড্রাফ্ট|ડ્રાફ્ટ્સ|வரைவுகள்|చిత్తుప్రతులు|ಡ್ರಾಫ್ಟ್ಗಳು|ഡ്രാഫ്റ്റുകൾ|කටු සටහන්|ร่างจดหมาย|ສະບັບຮ່າງ|
		မူကြမ်းများ|მონახაზები|ረቂቆች|ᎢᎬᏱ ᎪᏪᎸᏅ|សេចក្ដីព្រាង|草稿|下書き|임시보관함`,
	isSpam: `spam|junk|strooipos|correu brossa|e-bost sothach|rämpspost|spama|pourriel|turscar|neželjena pošta|ugaxekile|ruslpóstur|barua taka|mēstules|šlamštas|
		søppelpost|vsiljena pošta|roskaposti|skräppost|thư rác|ανεπιθύμητα|спам|непожељне|սպամ|ספאם|سپام|الرسائل غير المرغوب فيها|هرزنامه|स्प्याम|स्पॅम|
		अनचाहा|स्पैम|স্প্যাম|સ્પામ|ஸ்பேம்|స్పామ్|ಸ್ಪ್ಯಾಮ್|സ്പാം|අයාචිත තැපෑල|จดหมายขยะ|ສະແປມ|စပမ်း|სპამი|አይፈለጌ መልዕክት|ᎤᏲᎢ|សារឥតបានការ|垃圾郵件|垃圾邮件|
		迷惑メール|스팸함`,
	isTrash: `trash|bin|deleted messages|asblik|zibil qutusu|tong sampah|sampah|paperera|koš|bin sbwriel|papirkurv|papierkorb|prügikast|papelera|zaborrontzia|
		corbeille|bruscar|caixa da papeleira|otpad|cestino|udoti|rusl|tupio|miskaste|šiukšliadėžė|kuka|prullenbak|kosz|lixeira|caixote do lixo|
		coș de gunoi|kôš|smetnjak|roskakori|papperskorgen|thùng rác|çöp kutusu|κάδος απορριμμάτων|кошче|хогийн сав|корзина|отпад|кошик|աղբարկղ|אשפה|
		کوڑے کی ٹوکری|المهملات|حذفشدهها|रद्दी टोकरी|वगळलेले|कूड़ेदान|ট্র্যাশ|ટ્રેશ|நீக்கப்பட்டவை|ట్రాష్|ಅನುಪಯುಕ್ತ|ട്രാഷ്|අපද්රව්ය|ถังขยะ|ຖັງຂີ້ເຫຍື້ອ|
		အမှိုက်ပုံး|წაშლილები|ጣል|ᎤᏲ|ធុងសំរាម|垃圾桶|已删除邮件|ゴミ箱|휴지통`,
	isStarred: `starred|gester|ulduzlu|berbintang|dibintangkan|missatges destacats|destacats|s hvězdičkou|serennog|stjernemarkerede|markiert|tärniga|destacados|
		destacado|izardunak|may-bituin|suivis|suivi|favoris|le réiltín|marcado con estrela|sa zvjezdicom|speciali|okunenkanyezi|stjörnumerkt|zenye nyota|
		ar zvaigznīti|pažymėti žvaigždute|csillagozott|stjernemerket|met ster|oznaczone gwiazdką|com estrela|mesaje importante|s hviezdičkou|z zvezdico|
		tähdellä merkityt|stjärnmärkta|thư gắn dấu sao|yıldızlı|με αστέρι|със звезда|одтой|помеченные|са звездицом|із зірочкою|աստղանշված|מסומן בכוכב|
		ستارے کے نشان والے|الرسائل المميزة بنجمة|ستارهدار|ताराङ्कित|तारांकित|स्टार के निशान वाला|তারকাচিহ্নিত|તારાંકિત|நட்சத்திரமிட்டது|నక్షత్రం గుర్తుతో|
		ನಕ್ಷತ್ರ ಹಾಕಿದ|നക്ഷത്രമിട്ടവ|තරු ලකුණු කළ|ติดดาว|ຕິດດາວ|စတားတပ်ထားသော|ვარსკვლავიანი|ኮከብ የተደረገባቸው|ᏃᏈᏏ ᎪᏪᎳᏅᎯ|បានដាក់ផ្កាយ|已加星號|已加星标|スター付き|
		별표편지함`,
	isImportant: `important|belangrik|önəmli|penting|importants|důležité|pwysig|vigtigt|wichtig|oluline|importantes|garrantzitsuak|mahalaga|tábhachtach|važno|importanti|
		okubalulekile|mikilvægt|muhimu|svarīgi|svarbu|fontos|viktig|belangrijk|ważne|importante|dôležité|pomembno|tärkeää|viktigt|quan trọng|önemli|σημαντικά|
		важно|чухал|важное|важливо|կարեւոր|חשוב|اہم|مهم|महत्त्वपूर्ण|महत्त्वाचे|महत्वपूर्ण|গুরুত্বপূর্ণ|મહત્વપૂર્ણ|முக்கியமானவை|ముఖ్యమైన|ಪ್ರಮುಖ|
		പ്രധാനപ്പെട്ടവ|වැදගත්|สำคัญ|ສຳຄັນ|အရေးကြီး|მნიშვნელოვანი|አስፈላጊ|ᎤᎵᏍᎨᏓ|សំខាន់|重要郵件|重要|중요`,
	isUnread:   `unread|ungelesen|no leído|no leídos|no llegit|no llegits|non lus|non lu|não lido|não lidas|não lidos|non letti|ongelezen|nieprzeczytane|непрочитанные|未読|未读|未讀`,
	isOpened:   `opened|geöffnet|abierto|abiertos|obert|oberts|ouvert|ouverts|geopend|aperti|abertos|otwarte|открытые|открыто|開封済み|已打开|已開啟`,
	isArchived: `archived|archiviert|archivado|archivados|arxivat|arxivats|archivés|archivé|messages archivés|gearchiveerd|archiviati|arquivado|arquivados|zarchiwizowane|архивные`,
	isMuted:    `muted|stummgeschaltet|silenciado|silenciados|ignorés`,
	isChat:     `chat|chats`,
	isNoise:    `all mail|snoozed|scheduled|[gmail]|[google mail]|[imap]`,
}
