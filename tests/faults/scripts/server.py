"""A pylm server: server.py DB_ADDRESS PULL_ADDRESS PUB_ADDRESS"""

import sys

from pylm.servers import Server


class Upper(Server):
    def upper(self, message):
        return message.upper()


Upper("server", db_address=sys.argv[1], pull_address=sys.argv[2], pub_address=sys.argv[3]).start()
