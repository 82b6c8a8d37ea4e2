# After the examples in Pigeonhole's documentation: plus addressing, list folders, virus mail, mirrored mail.
require ["variables", "envelope", "fileinto", "subaddress", "mailbox", "copy", "imap4flags", "encoded-character"];

if envelope :matches :detail "to" "*" {
  set :lower :upperfirst "folder" "${1}";
  if not string :is "${folder}" "" {
    fileinto :create "INBOX.${folder}";
    stop;
  }
}
if anyof (header :contains ["X-Virus-Status", "X-Amavis-Alert"] "infected", header :matches "Subject" "${unicode:2603}*") {
  discard;
  stop;
}
if exists "List-Id" {
  if header :matches "List-Id" "*<*.lists.*" {
    set "name" "${2}";
    fileinto :create :flags "\\Seen" "INBOX.lists.${name}";
  } else {
    fileinto :create "INBOX.lists";
  }
  stop;
}
if header :is "X-Mirror" "yes" {
  redirect :copy "mirror@backup.example";
}
