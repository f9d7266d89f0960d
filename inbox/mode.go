package inbox

// Mode says what becomes of what people say back.
//
//	            follows   likes, boosts   replies, mentions    risk to the agency
//	NoticeBoard accepted  not counted     dropped unread       a request for information or help that comes this way is never seen
//	Listen      accepted  counted         kept for people to   people must read what is held: it is a record, may be a
//	                                      read, shown nowhere  request under the Official Information Act, and stays personal data
//	Converse    accepted  counted         shown once a person  what is shown is published by the agency: someone must approve
//	                                      approved them        each reply, name the house rule for each refusal, and keep at it
//
// Reports, blocks and moves are kept in every mode, and whoever said something
// may change it, take it back or leave in every mode, whatever the mode was when
// it arrived.
type Mode int

// The modes.
const (
	Listen Mode = iota // the default
	NoticeBoard
	Converse
)

// String returns the name of the mode.
func (m Mode) String() string {
	switch m {
	case NoticeBoard:
		return "notice board"
	case Converse:
		return "converse"
	}
	return "listen"
}
