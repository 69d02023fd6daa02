"""CI's asynchronous picture jobs, one by one (`/pic_jobs`) and by the thousand
(`/inventorytriggerjob`): kept in a table, carried out by an engine that goes on after a restart."""
